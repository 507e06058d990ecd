"""Jobs: commands of the program in processes of their own, which outlive whoever started them."""
