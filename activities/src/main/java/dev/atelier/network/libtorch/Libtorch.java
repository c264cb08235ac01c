package dev.atelier.network.libtorch;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.util.cuda.CudaUtils;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import java.io.IOException;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

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
   * Loads libtorch and checks that it can compute on {@code device}.
   *
   * @param device {@code cpu} or {@code cuda:<n>}
   * @throws IllegalArgumentException if its name is not one of these, or there is no such device
   * @throws IllegalStateException if libtorch cannot be loaded; the message has the cause
   */
  public static void requireDevice(String device) {
    Device wanted = deviceOf(device);
    try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
      manager.create(0f);
    } catch (RuntimeException | LinkageError e) {
      Throwable cause = e;
      while (cause.getCause() != null) {
        cause = cause.getCause();
      }
      throw new IllegalStateException("libtorch cannot be loaded: %s".formatted(cause), e);
    }
    if (!wanted.isGpu()) {
      return;
    }
    try (NDManager manager = NDManager.newBaseManager(wanted, "PyTorch")) {
      manager.create(0f);
    } catch (RuntimeException | UnsatisfiedLinkError e) {
      throw new IllegalArgumentException(
          "device %s: this libtorch has no CUDA, or no such GPU; expected cpu, or the CUDA build of libtorch."
              .formatted(device),
          e);
    }
  }

  /**
   * The memory of a GPU, all processes together; empty on a CPU and where CUDA's runtime does not
   * say.
   *
   * @param device {@code cpu} or {@code cuda:<n>}
   */
  public static Optional<MemoryUsage> memory(String device) {
    Device asked = deviceOf(device);
    if (!asked.isGpu()) {
      return Optional.empty();
    }
    try {
      return Optional.of(CudaUtils.getGpuMemory(asked));
    } catch (RuntimeException | LinkageError e) {
      return Optional.empty();
    }
  }

  private static Device deviceOf(String device) {
    if (device.equals("cpu")) {
      return Device.cpu();
    } else if (device.matches("cuda:[0-9]{1,3}")) {
      return Device.gpu(Integer.parseInt(device.substring("cuda:".length())));
    }
    throw new IllegalArgumentException(
        "device must be cpu or cuda:<n>, found '%s'.".formatted(device));
  }

  /**
   * Loads a TorchScript archive.
   *
   * @param device {@code cpu}, {@code cuda:0}, …
   * @throws IllegalArgumentException if libtorch can't open it
   * @throws MemoryRanOutException if it can't be held
   */
  public static TorchModule load(Path archive, String device, TorchModule.Mode mode) {
    engine();
    NDManager manager = NDManager.newBaseManager(deviceOf(device), "PyTorch");
    try {
      return new TorchModule((PtNDManager) manager, archive, mode);
    } catch (RuntimeException e) {
      manager.close();
      String reason = TorchModule.firstLine(e);
      if (MemoryRanOutException.saysSo(reason)) {
        throw MemoryRanOutException.loading("'%s'".formatted(archive.getFileName()), reason, e);
      }
      throw new IllegalArgumentException(
          "Cannot load TorchScript archive '%s': %s".formatted(archive, reason), e);
    }
  }

  /**
   * Loads a module for inference with its weights from where they are, such as a mapped file: on a
   * CPU they are not copied.
   *
   * @param module without submodules
   * @param work a directory for temporary files, small but for weights of half precision
   */
  public static TorchModule load(TorchScriptModule module, String device, Path work)
      throws IOException {
    LentWeights lent = LentWeights.of(module, work);
    Path archive = Files.createTempFile(work, "network", ".pt");
    try {
      TorchScriptArchive.write(archive, lent.module());
      TorchModule loaded = load(archive, device, TorchModule.Mode.INFERENCE);
      try {
        loaded.lend(lent.weights());
      } catch (RuntimeException e) { // such as for want of memory
        loaded.close();
        throw e;
      }
      return loaded;
    } finally {
      Files.delete(archive);
    }
  }

  static Engine engine() {
    return Engine.getEngine("PyTorch");
  }
}
