module virid-comparisons

go 1.22
