package dev.atelier.worker;

import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityInput;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityOutput;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptorBase;
import io.temporal.common.interceptors.WorkerInterceptorBase;

/** Something to do around each attempt of an activity. */
abstract class AroundActivities extends WorkerInterceptorBase {

  /** An attempt that runs when it is asked to. */
  @FunctionalInterface
  interface Attempt {
    ActivityOutput run();
  }

  /** Runs the attempt, or refuses it with a failure. */
  abstract ActivityOutput around(ActivityInfo info, ActivityInput input, Attempt attempt);

  @Override
  public final ActivityInboundCallsInterceptor interceptActivity(
      ActivityInboundCallsInterceptor next) {
    return new ActivityInboundCallsInterceptorBase(next) {
      private ActivityInfo info;

      @Override
      public void init(ActivityExecutionContext context) {
        info = context.getInfo();
        super.init(context);
      }

      @Override
      public ActivityOutput execute(ActivityInput input) {
        return around(info, input, () -> super.execute(input));
      }
    };
  }
}
