"""What goes wrong while somebody drives, done on purpose, and how long the robot then moves."""
