"""What is measured: each subject is a small Django project of its own, in a process of its own."""
