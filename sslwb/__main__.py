"""python -m sslwb is the command sslwb."""

from sslwb.cli import main

raise SystemExit(main())
