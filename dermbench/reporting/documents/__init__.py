"""Model cards and reporting checklists, written from the records of report, run and dataset."""
