"""Commands that workers carry out. Each handler computes, then returns its writing half."""
