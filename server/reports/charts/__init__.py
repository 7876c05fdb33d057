"""Charts of reports: from what an author says and rows give, to what ECharts and Excel draw."""
