"""The commands of ``jbd-bench``: each module has HELP, add_arguments and run."""
