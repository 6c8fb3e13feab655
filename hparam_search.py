"""The seed's command: `python hparam_search.py --config FILE` is `lstm-hpo run --config FILE`."""

import sys

if __name__ == "__main__":
    from flows.cli import main

    main(["run", *sys.argv[1:]])
