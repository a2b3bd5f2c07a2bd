"""`make bench-service`: the whole service on real servers, beside what people write themselves."""
