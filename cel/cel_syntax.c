#include "cel_parse.h"

void
cel_syntax_report(struct cel_unit *u)
{
  cel_issue_add(u, 0, "Syntax error: the expression cannot be read");
}
