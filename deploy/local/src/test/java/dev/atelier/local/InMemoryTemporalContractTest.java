package dev.atelier.local;

import java.nio.file.Path;
import java.util.Optional;

class InMemoryTemporalContractTest extends TemporalContract {

  @Override
  Optional<Path> program() {
    return Optional.empty();
  }
}
