"""What keeps the book honest: runs the chapters, collects what they publish, judges it."""
