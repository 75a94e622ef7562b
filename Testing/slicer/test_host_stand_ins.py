"""Dialogs, settings, translation, packages, sample data and .ui files."""

import pytest
import qt
import slicer
from slicer.i18n import tr, translate

from slicerhost.pythonqt.ui_files import UiFileError

UI = """<?xml version="1.0"?>
<ui version="4.0"><class>P</class><widget class="{root}" name="P"><layout class="QVBoxLayout">
<item><widget class="{cls}" name="inner"><property name="{name}"{extra}><string>x</string>
</property></widget></item></layout></widget><connections>{connections}</connections></ui>
"""
CONNECTION = """<connection><sender>inner</sender><signal>{signal}</signal><receiver>P</receiver>
<slot>close()</slot></connection>"""


def load_ui(folder, root="QWidget", cls="QLabel", name="text", extra="", connections=""):
    path = folder / "P.ui"
    text = UI.format(root=root, cls=cls, name=name, extra=extra, connections=connections)
    path.write_text(text, encoding="utf-8")
    return slicer.util.loadUI(str(path))


class TestUiFiles:
    def test_children_are_found_by_name(self, host, tmp_path):
        ui = slicer.util.childWidgetVariables(load_ui(tmp_path))
        assert ui.inner.text == "x"

    def test_an_unknown_class_names_the_closed_list(self, host, tmp_path):
        with pytest.raises(UiFileError, match="'qMRMLVolumeInfoWidget'.*closed list.*qMRMLWidget"):
            load_ui(tmp_path, cls="qMRMLVolumeInfoWidget")

    def test_an_unknown_property_is_refused(self, host, tmp_path):
        with pytest.raises(UiFileError, match="QLabel 'inner' has no property 'txt'"):
            load_ui(tmp_path, name="txt")

    def test_a_dynamic_property_is_free(self, host, tmp_path):
        widget = load_ui(tmp_path, name="SlicerParameterName", extra=' stdset="0"')
        assert widget.findChild(qt.QLabel).property("SlicerParameterName") == "x"

    def test_connections_are_made(self, host, tmp_path):
        connections = CONNECTION.format(signal="clicked()")
        widget = load_ui(tmp_path, cls="QPushButton", connections=connections)
        widget.show()
        host.click(widget.findChild(qt.QPushButton))
        assert not widget.visible

    def test_a_connection_of_an_unknown_signal_is_refused(self, host, tmp_path):
        with pytest.raises(ValueError, match="no signal"):
            load_ui(tmp_path, connections=CONNECTION.format(signal="pressedTwice()"))


class TestDialogs:
    def test_what_was_shown_can_be_read(self, host):
        slicer.util.errorDisplay("It broke", detailedText="here")
        slicer.util.infoDisplay("It is done")
        shown = host.dialogs.take()
        assert [(one.kind, one.text) for one in shown] == [
            ("error", "It broke"),
            ("information", "It is done"),
        ]
        assert shown[0].details == "here"

    @pytest.mark.parametrize(("answer", "result"), [("Yes", True), ("No", False)])
    def test_a_question_gets_the_prepared_answer(self, host, answer, result):
        host.dialogs.answer(getattr(qt.QMessageBox, answer))
        assert slicer.util.confirmYesNoDisplay("Really?") is result

    def test_in_testing_mode_slicer_itself_answers(self, host):
        with host.testing_mode():
            assert slicer.util.confirmOkCancelDisplay("Really?") is False
        assert host.dialogs.take() == []

    def test_a_dialog_of_a_module_is_driven(self, host):
        dialog = qt.QDialog()
        column = qt.QVBoxLayout(dialog)
        column.addWidget(qt.QLabel("Delete the model?"))
        button = qt.QPushButton("Delete")
        column.addWidget(button)
        button.connect("clicked()", dialog.accept)

        def delete(shown):
            host.click(shown.findChild(qt.QPushButton))
            return shown.result()

        host.dialogs.answer(delete)
        assert dialog.exec_() == qt.QDialog.Accepted
        assert [one.text for one in host.dialogs.take()] == ["Delete the model?"]

    def test_an_address_is_not_opened_but_kept(self, host, tmp_path):
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(tmp_path)))
        assert host.dialogs.opened_urls == [f"file://{tmp_path}"]


class TestSettings:
    def test_settings_are_kept_in_the_hosts_folder(self, host):
        qt.QSettings().setValue("LungPNet/device", "cpu")
        assert slicer.app.settings().value("LungPNet/device") == "cpu"
        assert qt.QSettings().fileName().startswith(slicer.app.temporaryPath)

    def test_the_next_test_does_not_see_them(self, host):
        assert qt.QSettings().value("LungPNet/device") is None


class Reversed(qt.QTranslator):
    """Translates by reversing; drops a placeholder of a text that asks for it."""

    def translate(self, context, text, disambiguation=None, n=-1):
        if context != "test_host_stand_ins":
            return None
        return "nothing" if "{lost}" in text else text[::-1].replace("}tnuoc{", "{count}")


@pytest.fixture
def translator(host):
    one = Reversed()
    qt.QCoreApplication.installTranslator(one)
    yield one
    qt.QCoreApplication.removeTranslator(one)


class TestTranslation:
    def test_texts_go_through_qt_with_the_files_name(self, translator):
        assert tr("abc") == "cba"
        assert translate("other", "abc") == "abc"

    def test_placeholders_survive(self, translator):
        assert tr("{count} ab").format(count=3) == "ba 3"

    def test_a_translation_that_lost_a_placeholder_is_not_used(self, translator):
        assert tr("{lost}") == "{lost}"


class TestPackages:
    def test_what_is_installed_is_known(self, host):
        assert slicer.packaging.pip_check("numpy>=2")
        assert not slicer.packaging.pip_check(["numpy>=2", "no-such-package-at-all"])

    def test_nothing_is_ever_installed(self, host):
        with pytest.raises(RuntimeError, match="installs nothing.*no-such-package"):
            slicer.packaging.pip_ensure(["no-such-package-at-all>=1"], requester="LungPNet")
        with pytest.raises(RuntimeError, match="installs nothing"):
            slicer.util.pip_install("no-such-package-at-all")

    def test_a_test_may_play_the_installer(self, host):
        host.packages.install = lambda wanted: None
        slicer.packaging.pip_ensure(["no-such-package-at-all>=1"])
        assert host.packages.requested == ["no-such-package-at-all>=1"]

    def test_requirements_are_read_as_slicer_does(self, host, tmp_path):
        path = tmp_path / "requirements.txt"
        path.write_text("# comment\n\n-r other.txt\nmonai>=1.6,<1.7\n")
        assert [str(one) for one in slicer.packaging.load_requirements(path)] == ["monai<1.7,>=1.6"]


def test_sample_data_is_registered_and_not_downloaded(host):
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="LungPNet", sampleName="MadeUpPatient", uris=[], fileNames=[], nodeNames=[]
    )
    assert host.sample_data[0]["sampleName"] == "MadeUpPatient"
    with pytest.raises(TypeError):
        SampleData.SampleDataLogic.registerCustomSampleDataSource(sampelName="typing error")
