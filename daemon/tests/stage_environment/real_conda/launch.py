import os
import sys
import warnings

warnings.simplefilter("ignore")
# Packages are kept per user, not in the installation that all tests share.
os.environ.setdefault("CONDA_PKGS_DIRS", os.path.expanduser("~/.conda/pkgs"))
if sys.argv[1:2] == ["env"]:
    del sys.argv[1]
    from conda_env.cli.main import main
else:
    from conda.cli.main import main
sys.exit(main())
