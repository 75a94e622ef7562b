"""What the four panels share: the scene's parameters, and the sentence that each must show."""

from typing import Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin


class Panel(VTKObservationMixin):
    """A module's panel, bound to the parameter node of the scene while it is open.

    Parameters
    ----------
    ui : namespace
        The widgets of the module's .ui file by name (``slicer.util.childWidgetVariables``), among
        them ``disclaimerLabel``.
    logic : ScriptedLoadableModuleLogic
        The module's; its ``getParameterNode()`` gives one of the classes in ``parameters``.
    """

    def __init__(self, ui: Any, logic: Any) -> None:
        super().__init__()
        self.ui = ui
        self.logic = logic
        self.parameters: Any = None
        """The scene's parameters; None while the panel is closed."""
        self._guiTag: Any = None
        self._isOpen = False

    def setup(self) -> None:
        """Fill the panel; called once."""
        self.ui.disclaimerLabel.text = _("Research use only, not for diagnosis.")
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)

    def enter(self) -> None:
        """The panel is opened."""
        self._isOpen = True
        self._connect()

    def exit(self) -> None:
        """The panel is left."""
        self._isOpen = False
        self._disconnect()

    def cleanup(self) -> None:
        """The module is unloaded."""
        self.exit()
        self.removeObservers()

    def onSceneStartClose(self, _caller: Any, _event: str) -> None:
        """Let go of the scene's parameters."""
        self._disconnect()

    def onSceneEndClose(self, _caller: Any, _event: str) -> None:
        """Take those of the new scene."""
        if self._isOpen:
            self._connect()

    def onSceneEndImport(self, _caller: Any, _event: str) -> None:
        """Take the parameters again: they came before the nodes that they refer to."""
        if self._isOpen:
            self._disconnect()
            self._connect()

    def _connect(self) -> None:
        if self.parameters is None:
            self.parameters = self.logic.getParameterNode()
            self._guiTag = self.parameters.connectGui(self.ui)

    def _disconnect(self) -> None:
        if self.parameters is not None:
            self.parameters.disconnectGui(self._guiTag)
            self.parameters = None
