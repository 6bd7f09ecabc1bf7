"""The offline side: from labelled images to a small signed model. Needs the extra `compress`."""
