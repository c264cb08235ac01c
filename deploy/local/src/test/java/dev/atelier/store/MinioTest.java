package dev.atelier.store;

import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import dev.atelier.store.objects.ObjectStore;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** A real MinIO. */
@RequiresProgram("minio")
class MinioTest extends ObjectStoreContract {

  private static S3ServerProcess server;

  @BeforeAll
  static void start(@TempDir Path data) throws Exception {
    server = S3ServerProcess.minio(Programs.find("minio").orElseThrow().toString(), data);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Override
  ObjectStore store() {
    return server.store();
  }
}
