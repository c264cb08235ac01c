package dev.atelier.local;

import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import java.nio.file.Path;
import java.util.Optional;

/** The real Temporal server, with its database file. */
@RequiresProgram("temporal")
class TemporalDevServerContractTest extends TemporalContract {

  @Override
  Optional<Path> program() {
    return Programs.find("temporal");
  }
}
