//! The only door to OpenMLS: suites, certificates, policy, groups, the public-group view.
