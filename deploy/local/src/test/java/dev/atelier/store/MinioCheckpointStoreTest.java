package dev.atelier.store;

import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints on a real MinIO. */
@RequiresProgram("minio")
class MinioCheckpointStoreTest extends S3CheckpointStoreTest {

  @BeforeAll
  static void startReal(@TempDir Path data) throws Exception {
    server.close();
    server = S3ServerProcess.minio(Programs.find("minio").orElseThrow().toString(), data);
  }
}
