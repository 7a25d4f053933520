"""Makes all material beforehand, which tests would make when they need it: `python -m tests.material`."""

from . import images, python_tools, store

for make in (images.rattler_base, images.conda43_base, python_tools.tools_base):
    try:
        make()
    except store.MissingError as missing:
        print(missing)
