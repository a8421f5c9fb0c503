"""``python -m cli``, which is also ``python -m gopfarm``."""

from cli.main import main

if __name__ == "__main__":
    main()
