package dev.atelier.network.libtorch;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.untrusted.OneLine;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * A loaded TorchScript archive. Tensors go in and come out as {@link HostTensor}s; nothing native
 * outlives a call but the module itself. Not safe for use by several threads at once.
 */
public final class TorchModule implements AutoCloseable {

  /** Whether calls record gradients. */
  public enum Mode {
    INFERENCE, // inference mode, evaluation behaviour
    TRAINING // gradients on, training behaviour
  }

  private static final int MAX_MESSAGE = 300; // characters

  private final PtNDManager manager;
  private final PtSymbolBlock block;
  private final Mode mode;
  private final Pace pace = new Pace();
  private List<HostTensor> lent = List.of(); // read by libtorch where they are

  TorchModule(PtNDManager manager, Path archive, Mode mode) {
    this.manager = manager;
    this.mode = mode;
    boolean training = mode == Mode.TRAINING;
    this.block =
        JniUtils.loadModule(manager, archive, true, new String[0], new String[0], training);
    if (training) {
      JniUtils.enableTrainingMode(block);
      // DJL's loader switches gradients off, whatever the archive says.
      try (NDList parameters = JniUtils.moduleGetParams(block, manager)) {
        parameters.forEach(p -> p.setRequiresGradient(true));
      }
    } else {
      JniUtils.enableInferenceMode(block);
    }
  }

  /** Gives it its weights, see {@link LentWeights}; they are held as long as it is. */
  void lend(List<HostTensor> weights) {
    try (PtNDManager call = (PtNDManager) manager.newSubManager()) {
      PtNDArray[] arrays =
          weights.stream()
              .map(w -> call.create(w.data(), new Shape(w.shape()), dataType(w.dtype())))
              .toArray(PtNDArray[]::new);
      try (IValue list = IValue.listFrom(arrays)) {
        IValueUtils.runMethod(block, LentWeights.METHOD, list).close();
        lent = weights;
      }
    } catch (EngineException e) {
      throw new TorchException(LentWeights.METHOD, firstLine(e), e);
    }
  }

  /** Reads what a method returned while it is still in libtorch's memory. */
  public interface ResultReader<T, E extends Exception> {
    /** The tensors are valid until this returns. */
    T read(List<HostTensor> results) throws E;
  }

  /** Runs {@code forward}, of which the first tensor counts. */
  public HostTensor forward(HostTensor... inputs) {
    return results(inputs).get(0);
  }

  /**
   * Runs {@code forward} of a stranger's module: at least one tensor.
   *
   * @throws TorchException if libtorch reports an error, or there is none
   */
  public List<HostTensor> results(HostTensor... inputs) {
    List<HostTensor> results = run("forward", inputs);
    if (results.isEmpty()) {
      throw new TorchException("forward", "expected a tensor as its result, found none");
    }
    return results;
  }

  /**
   * Runs a method that takes tensors and returns a tensor, or a list or tuple of tensors.
   *
   * @throws TorchException if libtorch reports an error
   */
  public List<HostTensor> run(String method, HostTensor... inputs) {
    return read(method, results -> results.stream().map(TorchModule::copyOf).toList(), inputs);
  }

  /** Runs a method that returns one tensor, into {@code result}: nothing is allocated in Java. */
  public void runInto(HostTensor result, String method, HostTensor... inputs) {
    read(
        method,
        results -> {
          HostTensor found = results.get(0);
          if (found.dtype() != result.dtype() || found.elements() != result.elements()) {
            throw new TorchException(method, "expected %s, found %s".formatted(result, found));
          }
          return result.data().put(found.data());
        },
        inputs);
  }

  /**
   * Runs a method and hands its results to {@code reader} without a copy.
   *
   * @throws TorchException if libtorch reports an error
   */
  public <T, E extends Exception> T read(
      String method, ResultReader<T, E> reader, HostTensor... inputs) throws E {
    // Both settings are per thread, and DJL's start switches gradients off in the thread it runs
    // in.
    JniUtils.setGraphExecutorOptimize(false);
    JniUtils.setGradMode(mode == Mode.TRAINING);
    try (NDManager call = manager.newSubManager()) {
      NDList arguments = new NDList(inputs.length + 1);
      NDArray name = call.create(0f);
      name.setName("module_method:" + method);
      arguments.add(name); // first: the results attach to its manager and go with it
      for (HostTensor input : inputs) {
        arguments.add(call.create(input.data(), new Shape(input.shape()), dataType(input.dtype())));
      }
      return reader.read(results(method, arguments, inputs));
    }
  }

  /**
   * Runs {@code forward(tensor, bool…)}, which returns one tensor, without gradients: for networks
   * whose options are booleans.
   *
   * @throws TorchException if libtorch reports an error
   */
  public HostTensor forwardWithOptions(HostTensor input, boolean... options) {
    JniUtils.setGraphExecutorOptimize(false);
    JniUtils.setGradMode(false);
    try (PtNDManager call = (PtNDManager) manager.newSubManager()) {
      IValue[] arguments = new IValue[options.length + 1];
      arguments[0] =
          IValue.from(call.create(input.data(), new Shape(input.shape()), dataType(input.dtype())));
      for (int i = 0; i < options.length; i++) {
        arguments[i + 1] = IValue.from(options[i]);
      }
      NativeCalls.Call running = NativeCalls.begin(pace, "forward", input.elements());
      try (IValue result = IValueUtils.runMethod(block, "forward", arguments)) {
        return copyOf(view("forward", result.toTensor(call)));
      } finally {
        running.end();
        Stream.of(arguments).forEach(IValue::close);
      }
    } catch (EngineException e) {
      throw new TorchException("forward", firstLine(e), e);
    }
  }

  /** Number of learned numbers. */
  public long parameters() {
    try (NDList parameters = JniUtils.moduleGetParams(block, manager)) {
      return parameters.stream().mapToLong(NDArray::size).sum();
    }
  }

  /** Bytes of its tensors as libtorch holds them. */
  public long weightBytes() {
    try (NDList parameters = JniUtils.moduleGetParams(block, manager)) {
      return parameters.stream().mapToLong(p -> p.size() * p.getDataType().getNumOfBytes()).sum();
    }
  }

  /** Calls, and waits for a device until the results are there. */
  private List<HostTensor> results(String method, NDList arguments, HostTensor... inputs) {
    long elements = Stream.of(inputs).mapToLong(HostTensor::elements).sum();
    NativeCalls.Call running = NativeCalls.begin(pace, method, elements);
    try {
      List<HostTensor> views = new ArrayList<>();
      for (NDArray result : invoke(method, arguments)) {
        views.add(view(method, result));
      }
      return views;
    } finally {
      running.end();
    }
  }

  private NDList invoke(String method, NDList arguments) {
    try {
      return IValueUtils.forward(block, arguments, mode == Mode.TRAINING);
    } catch (EngineException e) {
      throw new TorchException(method, firstLine(e), e);
    } catch (UnsupportedOperationException | IllegalArgumentException e) { // such as a dictionary
      throw new TorchException(
          method,
          "expected a tensor, or a list or tuple of tensors, as its result. " + firstLine(e),
          e);
    }
  }

  /** Half-precision elements are widened, which is exact. */
  private static HostTensor view(String method, NDArray result) {
    NDArray held = isHalf(result) ? result.toType(DataType.FLOAT32, false) : result;
    return new HostTensor(
        dtype(method, held.getDataType()), held.getShape().getShape(), held.toByteBuffer(true));
  }

  /** DJL does not know bfloat16; other types that it does not know have more bytes, or fit too. */
  private static boolean isHalf(NDArray result) {
    return switch (result.getDataType()) {
      case FLOAT16, BFLOAT16 -> true;
      case UNKNOWN -> result.toByteBuffer(true).remaining() == 2 * result.size();
      default -> false;
    };
  }

  private static HostTensor copyOf(HostTensor view) {
    HostTensor copy = HostTensor.zeros(view.dtype(), view.shape());
    copy.data().put(view.data());
    return copy;
  }

  private static DataType dataType(HostTensor.DType dtype) {
    return switch (dtype) {
      case F32 -> DataType.FLOAT32;
      case F64 -> DataType.FLOAT64;
      case I64 -> DataType.INT64;
      case U8 -> DataType.UINT8;
    };
  }

  private static HostTensor.DType dtype(String method, DataType type) {
    if (type == DataType.FLOAT32) {
      return HostTensor.DType.F32;
    } else if (type == DataType.FLOAT64) {
      return HostTensor.DType.F64;
    } else if (type == DataType.INT64) {
      return HostTensor.DType.I64;
    } else if (type == DataType.UINT8) {
      return HostTensor.DType.U8;
    }
    throw new TorchException(
        method,
        "expected elements of float16, bfloat16, float32, float64, int64 or uint8, found %s"
            .formatted(type.toString().toLowerCase(Locale.ROOT)));
  }

  /** libtorch appends a long native stack; its last message line before that is what counts. */
  static String firstLine(Throwable e) {
    String message = String.valueOf(e.getMessage());
    int error = message.lastIndexOf("Error: ");
    String tail = error >= 0 ? message.substring(error + "Error: ".length()) : message;
    String line = OneLine.of(tail, MAX_MESSAGE); // its text may be the archive's own
    return line.isEmpty() ? "unknown error" : line;
  }

  @Override
  public void close() {
    try {
      block.close();
      manager.close();
    } finally {
      Reference.reachabilityFence(lent);
    }
  }
}
