package dev.atelier.opening;

import dev.atelier.dataset.DatasetException;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.opening.OpenerProcess.Answer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;

/** The program that opens one file of a user's and says what came of it. */
public final class OpenerMain {

  private OpenerMain() {}

  /** The argument is the directory that holds the request and gets the answer. */
  public static void main(String[] args) throws IOException, InterruptedException {
    Path own = Path.of(args[0]);
    endWithParent();
    Opening opening =
        OpenerProcess.JSON.readValue(own.resolve(OpenerProcess.REQUEST).toFile(), Opening.class);
    AtomicReference<Answer> answer = new AtomicReference<>();
    // With the stack that a worker's threads have: what fits here fits there.
    try (Whereabouts whereabouts = new Whereabouts(own.resolve(OpenerProcess.WHEREABOUTS))) {
      whereabouts.onProgress("opening");
      Thread thread = new Thread(() -> answer.set(answer(opening, own, whereabouts)), "open");
      thread.start();
      thread.join();
    }
    OpenerProcess.JSON.writeValue(own.resolve(OpenerProcess.ANSWER).toFile(), answer.get());
    System.exit(0); // libtorch's threads would keep the process
  }

  /** Standard input ends with the process that holds its other end. */
  private static void endWithParent() {
    Thread thread =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {
                  // nothing is said
                }
              } catch (IOException e) {
                // it has ended
              }
              Runtime.getRuntime().halt(1);
            },
            "parent");
    thread.setDaemon(true);
    thread.start();
  }

  private static Answer answer(Opening opening, Path own, Whereabouts whereabouts) {
    try {
      opening.open(own, whereabouts);
      return Answer.OPENED;
    } catch (ExtractorException | EvaluationException | TeacherException | DatasetException e) {
      return Answer.refusal(e.getMessage());
    } catch (MemoryRanOutException e) {
      return Answer.memory(opening.failure(e.getMessage().replaceFirst("\\.$", "")).getMessage());
    } catch (StackOverflowError e) {
      return Answer.refusal(opening.failure("it is nested too deep to be read").getMessage());
    } catch (OutOfMemoryError e) { // beside the heap, of which Java ends the process itself
      Runtime.getRuntime().halt(OpenerProcess.HEAP_FULL);
      throw e;
    } catch (IOException | RuntimeException | LinkageError e) {
      return Answer.fault(e.toString());
    }
  }
}
