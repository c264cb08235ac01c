package dev.atelier.network;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.nio.file.Path;

/** libtorch in this process: with {@link TorchModule} the only place that knows DJL. */
public final class Libtorch {

  static {
    // Training after inference throws with the optimising executor, and small steps are slower.
    System.setProperty("ai.djl.pytorch.graph_optimizer", "false");
    System.setProperty("ai.djl.offline", "true");
  }

  private Libtorch() {}

  /**
   * Sets the number of threads of one operation; results are bit-identical only for equal numbers.
   */
  public static void useThreads(int threads) {
    engine();
    JniUtils.setNumThreads(threads);
  }

  /** The number of threads of one operation. */
  public static int threads() {
    engine();
    return JniUtils.getNumThreads();
  }

  /**
   * Loads a TorchScript archive.
   *
   * @param device {@code cpu}, {@code cuda:0}, …
   * @throws IllegalArgumentException if libtorch can't open it
   */
  public static TorchModule load(Path archive, String device, TorchModule.Mode mode) {
    engine();
    NDManager manager = NDManager.newBaseManager(Device.fromName(device), "PyTorch");
    try {
      return new TorchModule((PtNDManager) manager, archive, mode);
    } catch (RuntimeException e) {
      manager.close();
      throw new IllegalArgumentException(
          "Cannot load TorchScript archive '%s': %s".formatted(archive, TorchModule.firstLine(e)),
          e);
    }
  }

  static Engine engine() {
    return Engine.getEngine("PyTorch");
  }
}
