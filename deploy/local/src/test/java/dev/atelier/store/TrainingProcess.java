package dev.atelier.store;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.Network;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.AttemptHistory.MetricPoint;
import dev.atelier.store.AttemptHistory.Usage;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.store.objects.StoreSettings;
import dev.atelier.training.Checkpoint;
import dev.atelier.training.CheckpointStore;
import dev.atelier.training.Distillation;
import dev.atelier.training.ImageSource;
import dev.atelier.training.TeacherModel;
import dev.atelier.training.TrainingListener;
import dev.atelier.training.TrainingLoop;
import dev.atelier.training.TrainingMetrics;
import dev.atelier.training.TrainingTask;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.sql.DataSource;
import okhttp3.OkHttpClient;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A program that trains one student, as a worker does: the real loop with dropout, flips, warm-up,
 * an EMA and a teacher, its checkpoints and metrics in a real S3 server and a real Postgres. It
 * writes what it does, line by line, into a log, and dies where its {@link KillPoint} says.
 */
final class TrainingProcess {

  static final ModelKey STUDENT = ModelKey.student(1);
  static final int RESOLUTION = 8;
  private static final int CHANNELS = 3;
  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());

  /** How to resume. */
  enum Resume {
    WHOLE,
    WITHOUT_MOMENTS // Adam's moments are set to zero: the negative control
  }

  /**
   * What to train.
   *
   * @param experiment its row and that of its student 1 exist
   * @param log lines are appended to it
   */
  record Job(
      String experiment,
      long seed,
      int steps,
      int checkpointEverySteps,
      int metricsEverySteps,
      KillPoint killPoint,
      Resume resume,
      boolean reportMemory,
      String log,
      String workDirectory,
      String s3Endpoint,
      String databaseUrl) {

    static Job read(Path file) throws IOException {
      return JSON.readValue(file.toFile(), Job.class);
    }

    void write(Path file) throws IOException {
      JSON.writeValue(file.toFile(), this);
    }
  }

  private final Job job;
  private final Path work;
  private final FileChannel log;
  private final KillPoint.Trap trap;

  private TrainingProcess(Job job) throws IOException {
    this.job = job;
    this.work =
        Files.createTempDirectory(
            Files.createDirectories(Path.of(job.workDirectory())), "process-");
    this.log =
        FileChannel.open(Path.of(job.log()), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    this.trap = new KillPoint.Trap(job.killPoint());
  }

  /** Trains what the job in the file {@code args[0]} says. */
  public static void main(String[] args) throws Exception {
    new TrainingProcess(Job.read(Path.of(args[0]))).run();
  }

  private void run() throws Exception {
    int threads = 1;
    Libtorch.useThreads(threads);
    PGSimpleDataSource database = new PGSimpleDataSource();
    database.setUrl(job.databaseUrl());
    DataSource rows = trap.database(database);
    AttemptHistory attempts = new AttemptHistory(rows);
    OkHttpClient transport = new OkHttpClient.Builder().addInterceptor(trap.transport()).build();
    ObjectStore store =
        new ObjectStore(
            StoreSettings.of(
                job.s3Endpoint(),
                S3ServerProcess.USER,
                S3ServerProcess.PASSWORD,
                S3ServerProcess.BUCKET),
            transport);
    TrainingTask task = task();
    Attempt attempt =
        attempts.start(
            job.experiment(),
            STUDENT,
            job.steps(),
            task.network().parameters(),
            Optional.of(task.network().macs()),
            "process " + ProcessHandle.current().pid());
    CheckpointStore checkpoints =
        new S3CheckpointStore(
            store,
            new CheckpointHistory(rows),
            new EventHistory(rows),
            job.experiment(),
            STUDENT,
            attempt,
            TrainingEnvironment.here("cpu", threads),
            work);
    trap.watch(work);
    new TrainingLoop(
            task,
            new Images(),
            new Observed(checkpoints),
            new Listener(attempts, attempt),
            () -> false,
            "cpu",
            work)
        .run();
    attempts.recordDone(job.experiment(), STUDENT, attempt);
    say("done");
    System.exit(0); // connections that are kept alive would hold the process for a while
  }

  private TrainingTask task() throws IOException {
    Network teacher = Network.of(network(0.0), RESOLUTION, CHANNELS);
    TeacherModel model = new TeacherModel.Weights(teacher, teacher.initialise(new SeededRandom(5)));
    return new TrainingTask(
        STUDENT.value(),
        studentNetwork(),
        DiffusionSpec.DEFAULTS,
        training(),
        job.seed(),
        "spec",
        "code",
        Optional.of(
            new Distillation(model, new TimestepRange(0, 250), 0.8, new LossSpec(1.0, 1.0))));
  }

  static Network studentNetwork() throws IOException {
    return Network.of(network(0.1), RESOLUTION, CHANNELS);
  }

  private static NetworkSpec network(double dropout) throws IOException {
    return JSON.convertValue(
        Map.of(
            "channels",
            8,
            "multipliers",
            List.of(1, 2),
            "resBlocks",
            1,
            "attentionResolutions",
            List.of(4),
            "dropout",
            dropout),
        NetworkSpec.class);
  }

  private TrainingSpec training() {
    return JSON.convertValue(
        Map.of(
            "steps",
            job.steps(),
            "batchSize",
            4,
            "learningRate",
            1e-3,
            "warmupSteps",
            10,
            "emaDecay",
            0.99,
            "horizontalFlips",
            true,
            "checkpointEverySteps",
            job.checkpointEverySteps(),
            "metricsEverySteps",
            job.metricsEverySteps()),
        TrainingSpec.class);
  }

  private void say(String line) {
    try {
      // A write survives the process; only the machine's end would lose it.
      log.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Seven images whose pixels all differ: an epoch is shorter than the training. */
  private static final class Images implements ImageSource {
    @Override
    public int count() {
      return 7;
    }

    @Override
    public void copy(int index, byte[] chw, int offset) {
      for (int i = 0; i < CHANNELS * RESOLUTION * RESOLUTION; i++) {
        chw[offset + i] = (byte) (index * 31 + i * 7);
      }
    }
  }

  private final class Listener implements TrainingListener {
    private final AttemptHistory attempts;
    private final Attempt attempt;

    Listener(AttemptHistory attempts, Attempt attempt) {
      this.attempts = attempts;
      this.attempt = attempt;
    }

    @Override
    public void onStart(int step, int totalSteps) {
      say("start " + step);
    }

    @Override
    public void onMetrics(TrainingMetrics metrics) {
      int step = metrics.step();
      say("step " + step);
      attempts.recordProgress(
          attempt,
          step,
          metrics.loss(),
          metrics.imagesPerSecond(),
          List.of(new MetricPoint("loss", step, metrics.loss())),
          new Usage(0, 0, 0));
      if (job.reportMemory()) {
        System.gc();
        say("memory %d %d %d".formatted(step, residentKiB(), heapKiB()));
      }
      trap.onStep(step);
    }
  }

  private static long residentKiB() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static long heapKiB() {
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 10;
  }

  /** Tells of each checkpoint what it is, before it is saved. */
  private final class Observed implements CheckpointStore {
    private final CheckpointStore real;

    Observed(CheckpointStore real) {
      this.real = real;
    }

    @Override
    public Optional<Checkpoint> latest() throws IOException {
      Optional<Checkpoint> latest = real.latest();
      if (latest.isPresent() && job.resume() == Resume.WITHOUT_MOMENTS) {
        zero(latest.get().file(CheckpointPart.EXP_AVG));
        zero(latest.get().file(CheckpointPart.EXP_AVG_SQ));
      }
      return latest;
    }

    @Override
    public void save(Checkpoint checkpoint) throws IOException {
      StringBuilder line = new StringBuilder("checkpoint " + checkpoint.step());
      for (Path file : checkpoint.files()) {
        line.append(' ').append(Sha256.of(file));
      }
      say(line.toString());
      trap.onSave(checkpoint.step());
      real.save(checkpoint);
      trap.onSave(-1);
      say("saved " + checkpoint.step());
    }
  }

  /** Sets the data of a safetensors file to zero. */
  private static void zero(Path file) throws IOException {
    byte[] content = Files.readAllBytes(file);
    long header = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getLong();
    java.util.Arrays.fill(content, Math.toIntExact(8 + header), content.length, (byte) 0);
    Files.write(file, content);
  }
}
