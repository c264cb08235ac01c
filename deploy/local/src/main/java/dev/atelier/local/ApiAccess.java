package dev.atelier.local;

/** Whom the API of a local stack answers. */
public enum ApiAccess {
  /** Who has the stack's token, which only its owner can read. */
  TOKEN,
  /** Everyone on this machine. */
  OPEN
}
