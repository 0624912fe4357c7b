// SPDX-License-Identifier: MIT OR Apache-2.0
//! What becomes of a program that faults, and of the instance when programs end.

use skerry_system::{OnFault, OnTimeout, Program};

/// The code of an instance with a program that stays stopped because of a fault.
const FAULTED: i32 = 102;

/// What is done about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The program goes on.
    Continue,
    /// The program starts again, for the n-th time.
    Restart(u32),
    /// The program stays stopped.
    Stop,
}

/// How a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs.
    Running,
    /// It has ended with this code.
    Exited(i32),
    /// It faulted and stays stopped.
    Stopped,
}

/// What is done about a fault of a program that was started so many times.
pub(crate) fn action(program: &Program, starts: u32, is_timeout: bool) -> Action {
    if is_timeout && program.on_timeout != OnTimeout::Fault {
        return Action::Continue;
    }
    after_fault(program, starts)
}

/// What is done about a program that faulted, or was given up, after it was started so many times.
pub(crate) fn after_fault(program: &Program, starts: u32) -> Action {
    match program.on_fault {
        OnFault::Restart { limit } if starts <= limit => Action::Restart(starts),
        _ => Action::Stop,
    }
}

/// The exit code of the instance, once nothing that it waits for runs any more: of the first program that failed, else 0.
///
/// Each item is a program's state and whether it runs in the background. An instance that has nothing else waits for those.
pub(crate) fn verdict(states: impl Iterator<Item = (State, bool)> + Clone) -> Option<i32> {
    let has_foreground = states.clone().any(|(_, is_background)| !is_background);
    let counts = |is_background: bool| !(is_background && has_foreground);
    if states.clone().any(|(state, is_background)| state == State::Running && counts(is_background)) {
        return None;
    }
    let mut codes = states.map(|(state, _)| match state {
        State::Running => 0,
        State::Exited(code) => code,
        State::Stopped => FAULTED,
    });
    Some(codes.find(|&code| code != 0).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(on_fault: OnFault, on_timeout: OnTimeout) -> Program {
        Program { on_fault, on_timeout, ..Program::new("p", 0, "work") }
    }

    fn verdict_of(states: &[(State, bool)]) -> Option<i32> {
        verdict(states.iter().copied())
    }

    #[test]
    fn a_program_is_restarted_as_often_as_its_limit_says() {
        let program = program(OnFault::Restart { limit: 2 }, OnTimeout::Wait);
        let actions = [1, 2, 3].map(|starts| action(&program, starts, false));
        assert_eq!(actions, [Action::Restart(1), Action::Restart(2), Action::Stop]);
    }

    #[test]
    fn a_program_without_restarts_stays_stopped() {
        assert_eq!(action(&program(OnFault::Stop, OnTimeout::Wait), 1, false), Action::Stop);
    }

    #[test]
    fn a_used_up_budget_is_a_fault_only_where_the_description_says_so() {
        let restart = OnFault::Restart { limit: 1 };
        assert_eq!(action(&program(restart, OnTimeout::Report), 1, true), Action::Continue);
        assert_eq!(action(&program(restart, OnTimeout::Fault), 1, true), Action::Restart(1));
        assert_eq!(action(&program(OnFault::Stop, OnTimeout::Fault), 1, true), Action::Stop);
        // Only when the handler is gone do such timeouts come to init.
        assert_eq!(action(&program(restart, OnTimeout::Handler(7)), 1, true), Action::Continue);
    }

    #[test]
    fn an_instance_ends_with_the_code_of_the_first_program_that_failed() {
        let (done, bad) = (State::Exited(0), State::Exited(7));
        assert_eq!(verdict_of(&[(done, false), (State::Running, false)]), None);
        assert_eq!(verdict_of(&[(done, false), (bad, false), (State::Stopped, false)]), Some(7));
        assert_eq!(verdict_of(&[(State::Stopped, false), (bad, false)]), Some(FAULTED));
        assert_eq!(verdict_of(&[(done, false)]), Some(0));
    }

    #[test]
    fn nobody_waits_for_the_background_unless_there_is_nothing_else() {
        let done = State::Exited(0);
        assert_eq!(verdict_of(&[(done, false), (State::Running, true)]), Some(0));
        assert_eq!(verdict_of(&[(State::Running, true)]), None);
        assert_eq!(verdict_of(&[(done, false), (State::Stopped, true)]), Some(FAULTED));
    }
}
