"""The agent: runs, resumes and erases turns."""
