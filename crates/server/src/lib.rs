//! The service: accounts, directory, delivery; blind to what it carries.
