//! Drives the engine over the network: the SDK for apps and bots.
