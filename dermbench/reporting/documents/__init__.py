"""Documents for a committee, from the records of report, run and dataset: model card and reporting checklists."""
