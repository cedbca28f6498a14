"""What the spa costs at a size that no spa has yet. Each module measures one thing."""
