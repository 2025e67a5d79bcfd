//! Notices messages that a connection lost, by the numbers that they carry.

/// The numbers of one connection's messages.
///
/// Only a live connection shows every message to the decoder. Recordings and the journal leave out
/// small talk and join connections, so that jumps in them mean nothing: a decoder that was never told
/// of a connection counts no loss.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    is_live: bool,
    next: Option<i64>,
    loss: Option<String>,
    is_told: bool,
}

impl Sequence {
    /// A connection begins: its numbers have nothing to do with those before.
    pub(super) fn follow_new_connection(&mut self) {
        *self = Self { is_live: true, ..Self::default() };
    }

    /// Notes the next message's number.
    pub(super) fn see(&mut self, number: i64) {
        let next = self.next.replace(number.saturating_add(1));
        if let Some(next) = next.filter(|next| self.is_live && number > *next)
            && self.loss.is_none()
        {
            let (last, missing) = (next - 1, number.saturating_sub(next));
            self.loss = Some(format!("sequence_num jumped from {last} to {number}: {missing} messages lost"));
        }
    }

    /// The first loss, in words, once a connection.
    pub(super) fn take_loss(&mut self) -> Option<String> {
        let loss = self.loss.clone().filter(|_| !self.is_told);
        self.is_told |= loss.is_some();
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(sequence: &mut Sequence, numbers: &[i64]) -> Vec<String> {
        let mut found = Vec::new();
        for number in numbers {
            sequence.see(*number);
            found.extend(sequence.take_loss());
        }
        found
    }

    #[test]
    fn a_jump_is_a_loss_told_once_a_connection() {
        let mut live = Sequence::default();
        live.follow_new_connection();
        assert_eq!(losses(&mut live, &[7, 8, 9]), Vec::<String>::new());
        let words = "sequence_num jumped from 9 to 13: 3 messages lost";
        assert_eq!(losses(&mut live, &[13, 14, 20]), [words]);
        live.follow_new_connection();
        assert_eq!(losses(&mut live, &[0, 1]), Vec::<String>::new(), "another connection's numbers");
        assert_eq!(losses(&mut live, &[3]).len(), 1);
    }

    #[test]
    fn numbers_that_go_back_are_no_loss_and_the_largest_does_not_overflow() {
        let mut live = Sequence::default();
        live.follow_new_connection();
        assert_eq!(losses(&mut live, &[5, 5, 4, 5, 6, i64::MIN, i64::MIN + 1]), Vec::<String>::new());
        assert_eq!(losses(&mut live, &[i64::MAX, i64::MAX]).len(), 1);
    }

    #[test]
    fn a_recording_that_left_messages_out_lost_nothing() {
        assert_eq!(losses(&mut Sequence::default(), &[0, 5, 2, 9]), Vec::<String>::new());
    }
}
