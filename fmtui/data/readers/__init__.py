"""One module a form of data: each turns a file into a `Table`, or says where it can't."""
