package dev.atelier.store;

import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints on the S3 server of {@code docker-compose.yml}. */
@RequiresProgram("versitygw")
class VersityGwCheckpointStoreTest extends S3CheckpointStoreTest {

  @BeforeAll
  static void startReal(@TempDir Path data) throws Exception {
    server.close();
    server = S3ServerProcess.versityGw(Programs.find("versitygw").orElseThrow().toString(), data);
  }
}
