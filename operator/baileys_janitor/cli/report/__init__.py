"""Reports: their sources (directories, a cluster through kubectl) and their destination."""
