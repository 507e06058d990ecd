"""Tools for agents: functions of a project with a schema of their arguments, offered over the Model Context Protocol."""
