package dev.atelier.store.objects;

import java.io.IOException;

/** What gives keys refuses to: asking again does not help. */
final class KeysRefusedException extends IOException {

  KeysRefusedException(String message) {
    super(message);
  }
}
