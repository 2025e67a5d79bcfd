//! What the panels show, as text with its styles, and that nothing makes them panic.

mod desk;
mod desks;
mod disorder;
mod fixture;
mod outlooks;
mod regimes;
mod screen;
mod screens;
mod sizes;
