"""The web app, a Gradio interface on `Predictor.refine` and `Prediction` alone."""

from __future__ import annotations


def launch(
    host: str | None = None,
    port: int | None = None,
    share: bool = False,
    model: str = "depthart-small",
) -> None:
    """Serve the app until interrupted.

    Args:
        host: Address to listen on; by default this machine only (or GRADIO_SERVER_NAME).
        port: Port; by default the first free one from 7860 (or GRADIO_SERVER_PORT).
        share: Also open a public link through Gradio's tunnel.
        model: Name, folder or hub id of the model chosen at the start.
    """
    from depthart.app.ui import build, launch_options

    build(model).launch(server_name=host, server_port=port, share=share, **launch_options())
