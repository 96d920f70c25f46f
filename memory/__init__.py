"""Memory without LangGraph: values, pure functions of recall, and the stores."""
