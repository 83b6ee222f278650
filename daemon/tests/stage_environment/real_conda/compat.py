"""What Python has dropped since 2017 and conda 4.3 still uses."""

import collections
import collections.abc
import platform

for name in collections.abc.__all__:
    if not hasattr(collections, name):
        setattr(collections, name, getattr(collections.abc, name))
if not hasattr(platform, "linux_distribution"):
    platform.linux_distribution = lambda: ("", "", "")
