"""Lost stores: the index from Git's commits, Git from the index."""
