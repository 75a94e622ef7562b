"""Generator B: made-up patients for tests only, by another way than generator A throughout."""
