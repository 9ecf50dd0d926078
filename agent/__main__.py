"""`python -m agent` is the `vigie` command."""

from agent.cli import main

raise SystemExit(main())
