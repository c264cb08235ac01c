package dev.atelier.network.libtorch;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptFile;
import java.io.IOException;
import java.nio.file.Path;

/** A native call that does not return until it is told to, which no program outside a test can. */
public final class EndlessCall implements AutoCloseable {

  private static final String WHILE_POSITIVE =
      """
        on = bool(torch.gt(torch.max(x), 0))
        while on:
          on = bool(torch.gt(torch.max(x), 0))
        return x
      """
          .indent(0);

  private final HostTensor switched = HostTensor.zeros(HostTensor.DType.F32, 1, 1);
  private final TorchModule module;

  /** Loads the module; its calls return at once until {@link #hang}. */
  public EndlessCall(Path directory) throws IOException {
    Path file = TorchScriptFile.write(directory.resolve("endless.pt"), WHILE_POSITIVE);
    module = Libtorch.load(file, "cpu", TorchModule.Mode.INFERENCE);
    release();
  }

  /** From now on a call runs until {@link #release}. */
  public void hang() {
    switched.putFloats(new float[] {1});
  }

  /** Whether a call would not return. */
  public boolean hangs() {
    return switched.toFloats()[0] > 0;
  }

  /** Calls, and returns once the call does. */
  public void call() {
    module.forward(switched);
  }

  /** The same by the other way into the module. */
  public void callWithOptions() {
    module.forwardWithOptions(switched);
  }

  /** What runs returns: libtorch reads the number where Java has it. */
  public void release() {
    switched.putFloats(new float[] {0});
  }

  @Override
  public void close() {
    release();
    module.close();
  }
}
