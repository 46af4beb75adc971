"""The page in a terminal; see ``commands.console``. Needs the extra ``console``."""
