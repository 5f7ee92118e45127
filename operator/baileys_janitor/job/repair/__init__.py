"""The Job that repairs one contact or group: its task, its work in the pod, and its result."""
