"""Scripts that draw the example pictures with numpy and Pillow; `python -m examples.draw` redraws them all."""
