package dev.atelier.spec;

import dev.atelier.graph.Graph;
import dev.atelier.graph.KeptForBackward;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Value;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Estimate of the bytes that the steps of a training hold at most, beside what its process holds
 * anyway, where what is freed is given back at once. In bfloat16 a CPU is taken for one without
 * instructions for it.
 *
 * @param weights of the network, and their copies in bfloat16
 * @param average of the weights
 * @param moments both of Adam
 * @param gradients of the weights
 * @param activations of a part of the batch, in the backward pass of the network
 * @param teacherWeights of a frozen teacher
 * @param teacherActivations of a part of the batch, in its forward pass
 */
public record MemoryPlan(
    long weights,
    long average,
    long moments,
    long gradients,
    long activations,
    long teacherWeights,
    long teacherActivations) {

  /** What libtorch and its allocator hold beside tensors, once for a process. */
  private static final long BESIDE_TENSORS = 16L << 20;

  private static final int FLOAT = 4; // bytes
  private static final int HALF = 2;
  private static final int GRADIENTS_AT_ONCE = 4; // of the largest values: one, and what makes it

  private static final Set<NetworkSpec.Block> BLOCKS_BY_HAND =
      EnumSet.of(
          NetworkSpec.Block.PLAIN, NetworkSpec.Block.ATTENTION, NetworkSpec.Block.CROSS_ATTENTION);

  /** How a network's gradients are written. */
  public enum Form {
    /** By autograd, as on a GPU. */
    AUTOGRAD,
    /** By hand, as on a CPU where all operations are. */
    BY_HAND;

    /** That of a network on a CPU: a U-Net of levels without filters is by hand. */
    public static Form onCpu(NetworkSpec network, int resolution) {
      if (network.transformer().isPresent()) {
        return AUTOGRAD;
      }
      NetworkSpec.BlocksSpec blocks = network.blocksAt(resolution);
      boolean simple =
          Stream.of(blocks.down(), blocks.up())
                  .flatMap(List::stream)
                  .allMatch(BLOCKS_BY_HAND::contains)
              && network.learnedSigma().isEmpty();
      return simple ? BY_HAND : AUTOGRAD;
    }
  }

  /**
   * Networks that are laid out, for plans of trainings that differ in their settings alone.
   *
   * @param onCpu whether they are trained on one
   */
  public record Networks(Graph network, Optional<Graph> teacher, Form form, boolean onCpu) {

    /**
     * Of an experiment whose teacher is trained here.
     *
     * @param taught whether the network is a student's
     */
    public static Networks of(ExperimentSpec spec, NetworkSpec network, boolean taught) {
      Graph graph = graph(spec, network);
      boolean onCpu = spec.compute().equals("cpu");
      return new Networks(
          graph,
          taught && spec.students().loss().distillation() > 0
              ? Optional.of(graph(spec, spec.teacher().network()))
              : Optional.empty(),
          onCpu ? Form.onCpu(network, graph.image().side()) : Form.AUTOGRAD,
          onCpu);
    }

    /** The plan of their training. */
    public MemoryPlan plan(TrainingSpec training) {
      return MemoryPlan.of(this, training);
    }
  }

  private static Graph graph(ExperimentSpec spec, NetworkSpec network) {
    return Architectures.of(network)
        .layout(spec.dataset().resolution(), spec.dataset().channels(), 0);
  }

  private static MemoryPlan of(Networks networks, TrainingSpec training) {
    Graph network = networks.network();
    long samples = Math.max(1, training.batchSize() / training.accumulationSteps());
    boolean bf16 = training.precision() == TrainingSpec.Precision.BF16;
    boolean unfolds = bf16 && networks.onCpu();
    long weights = FLOAT * network.parameters();
    boolean again = training.gradientCheckpointing().isPresent();
    KeptForBackward kept =
        new KeptForBackward(network, networks.form() == Form.BY_HAND && !again, bf16);
    long perSample =
        again
            ? computedAgain(network, kept, unfolds)
            : kept.of(network.operations()) + atOnce(network.operations(), unfolds);
    return new MemoryPlan(
        weights + (bf16 && !again ? HALF * network.parameters() : 0),
        weights,
        2 * weights,
        (training.accumulationSteps() > 1 ? 2 : 1) * weights,
        samples * perSample,
        networks.teacher().map(t -> FLOAT * t.parameters()).orElse(0L),
        networks
            .teacher()
            .map(t -> samples * (FLOAT * t.peakElements() + unfolded(t.operations(), unfolds)))
            .orElse(0L));
  }

  /** What is held at most at once: the teacher has answered when the backward pass begins. */
  public long total() {
    return BESIDE_TENSORS
        + weights
        + average
        + moments
        + teacherWeights
        + Math.max(gradients + activations, teacherActivations);
  }

  /** What later branches read, and the largest branch with its gradients. */
  private static long computedAgain(Graph network, KeptForBackward kept, boolean unfolds) {
    List<List<Operation>> branches = network.branches();
    Set<Value> made = new HashSet<>();
    Set<Value> crossing = new HashSet<>();
    long masks = 0;
    long largest = 0;
    for (List<Operation> branch : branches) {
      Set<Value> here = new HashSet<>();
      for (Operation operation : branch) {
        operation.reads().stream().filter(made::contains).forEach(crossing::add);
        here.add(operation.out());
        masks += operation instanceof Operation.Dropout ? operation.out().elements() : 0;
      }
      made.addAll(here);
      largest = Math.max(largest, kept.of(branch) + atOnce(branch, unfolds));
    }
    return crossing.stream().mapToLong(kept::of).sum() + masks + largest;
  }

  /** Gradients of values, and what a convolution takes. */
  private static long atOnce(List<Operation> operations, boolean unfolds) {
    long largest = operations.stream().mapToLong(o -> o.out().elements()).max().orElse(0);
    return GRADIENTS_AT_ONCE * FLOAT * largest + unfolded(operations, unfolds);
  }

  private static long unfolded(List<Operation> operations, boolean unfolds) {
    return unfolds ? KeptForBackward.unfolded(operations) : 0;
  }
}
